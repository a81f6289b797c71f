"""The command line; `swiftopt.__main__` starts it.

Files named after commands need the package click. The others don't: they read TOML files and
build what these describe.
"""
