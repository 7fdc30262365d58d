"""Real plug-ins (VST3, Audio Units), each in worker processes of its own.

A plug-in can crash, hang, print, open windows and remember what it played. So it never
runs in this process: :class:`PluginHost` starts workers, gives each render a time limit,
replaces a worker that dies or hangs, and verifies by sound that a new one plays what its
state says. pedalboard, which does the hosting, is an optional dependency (it is GPLv3)
and is imported in the workers only.

:class:`HostedPlugin` is what the adapter of a plug-in builds on: it makes a host, and has it
play rows of numbers. :class:`PedalboardInstrument` is what plays in a worker; a plug-in that
wants to be handled in another way has a subclass of it.

Workers are new programs, not copies of this process: a script that uses a host needs no
``if __name__ == "__main__":`` guard, and what it has loaded does not matter. They end with
this process, however it ends.
"""

from .finding import find_plugin, plugin_folders
from .host import PluginHost
from .plugin import HostedPlugin, failures_raised
from .process import Play
from .worker import PedalboardInstrument

__all__ = [
    "HostedPlugin",
    "PedalboardInstrument",
    "Play",
    "PluginHost",
    "failures_raised",
    "find_plugin",
    "plugin_folders",
]
