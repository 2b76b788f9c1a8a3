"""What a plug-in must be: learner, backbone, dataset, optimizee. No plug-in is known here."""
