"""Results: the document, where it was measured, ranking, tables, and the papers' figures."""
