"""The files of a project: prompt sets, templates, configuration."""
