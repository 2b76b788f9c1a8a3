"""mini-ImageNet, from the user's archive, folders or pickles."""
