"""Files in the workspace as sources: new files are new data."""

from headwater.connectors.files.source import FilesSource

__all__ = ["FilesSource"]
