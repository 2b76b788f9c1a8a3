"""Trainings as they go on, written where people look: CSV, TensorBoard, Weights & Biases."""
