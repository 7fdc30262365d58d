"""Real plug-ins (VST3, Audio Units), each in worker processes of its own.

A plug-in can crash, hang, print, open windows and remember what it played. So it never
runs in this process: :class:`PluginHost` starts workers, gives each render a time limit,
replaces a worker that dies or hangs, and checks by ear that a new one plays what its
state says. pedalboard, which does the hosting, is an optional dependency (it is GPLv3)
and is imported in the workers only.

Workers are spawned, not forked: a script that uses a host needs the usual
``if __name__ == "__main__":`` guard.
"""

from .finding import find_plugin, plugin_folders
from .host import Play, PluginHost

__all__ = ["Play", "PluginHost", "find_plugin", "plugin_folders"]
