"""mini-ImageNet, from an archive, folders or pickles of the user's."""
