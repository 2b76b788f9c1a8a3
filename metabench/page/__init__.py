"""All results as one HTML page that needs no network: views, their rendering, and its files."""
