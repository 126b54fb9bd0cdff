"""One command for each table in the documents."""
