"""A module for each kind of file; its ``KINDS`` is a list of ``campaign.Kind``."""
