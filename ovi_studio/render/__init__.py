"""From prompts to finished clips: plans, the queue, the worker process and the recipe."""
