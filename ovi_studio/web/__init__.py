"""The studio in a browser: a page and an HTTP API over the same actions. Gradio lives here."""
