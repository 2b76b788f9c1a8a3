"""What a plug-in must be: a learner, a dataset, an optimizee. No plug-in is known here."""
