"""The umT5 text encoder: text in, one vector a token out."""
