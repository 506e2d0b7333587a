"""Self-contained HTML pages: what their templates share."""

from pathlib import Path

import jinja2

_SHARED = Path(__file__).parent / "templates"


def page_environment(templates: Path) -> jinja2.Environment:
    """For templates in a folder, which may include the style ``base.css``; text is escaped."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([templates, _SHARED]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
