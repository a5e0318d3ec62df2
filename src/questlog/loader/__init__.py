"""The loader: from journal records to rows."""
