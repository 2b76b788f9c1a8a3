"""What is counted in an episode, a stream, a function, a trace. Nothing is trained here."""
