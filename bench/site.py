"""What `make docs` adds to the pages of docs: the reference, made from the code."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from bench.reference import FOLDER, pages


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are in no folder."""
    for name, text in pages().items():
        files.append(File.generated(config, f"{FOLDER}/{name}", content=text))
    return files
