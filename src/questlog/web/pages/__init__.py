"""One module per page. `REPORTS` and `HANDLERS` in `questlog.web.app` list them."""
