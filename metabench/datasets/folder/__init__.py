"""Images of the user's own, in folders."""
