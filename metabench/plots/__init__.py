"""Pictures, one file for each kind. matplotlib is imported when one is drawn."""
