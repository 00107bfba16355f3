"""Loads the kit's pytest plug-in for runs that name this folder by path."""

PLUGIN = "multinet.conformance.plugin"


def pytest_addoption(parser, pluginmanager):
    """Register the plug-in, unless `-p` or an entry point has."""
    if not pluginmanager.hasplugin(PLUGIN):
        pluginmanager.import_plugin(PLUGIN)
