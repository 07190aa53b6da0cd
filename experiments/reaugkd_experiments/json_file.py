"""A JSON file that a stage or the driver has written."""
import json

from .errors import UserError


def read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot read it: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path}: it is damaged: {error}; delete its directory and start the run command again") from error
