"""The errors that a user can put right."""


class UserError(Exception):
    """Its message says where, what was found, what was expected and what to do. It is shown without a traceback."""
