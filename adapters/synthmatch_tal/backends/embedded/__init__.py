"""The embedded engine: TAL-NoiseMaker's voice without its effects, many patches at once."""
