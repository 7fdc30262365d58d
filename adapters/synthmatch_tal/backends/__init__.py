"""What plays TAL: the embedded engine, or the plug-in."""
