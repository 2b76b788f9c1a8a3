"""The one exception for mistakes that a user can mend."""


class UserError(ValueError):
    """A mistake that the user can mend.

    Its text is one sentence: the argument in backticks, the value received, the
    values allowed, the remedy. The command line prints it and exits with code 2.
    """
