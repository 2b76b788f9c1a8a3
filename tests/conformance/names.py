"""What tests call a check."""


def check_name(check):
    """`check_vmap` is `vmap`."""
    return check.__name__.removeprefix("check_")
