"""N-way k-shot and online runs on images."""
