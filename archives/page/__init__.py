"""One page in HTML for a network of sensors: `views` says what is shown, `charts` draws it."""
