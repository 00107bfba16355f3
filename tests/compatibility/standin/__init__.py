"""The package `kerastests`, in which tests of Keras find the public names of another.

It has no file: `finder` answers `kerastests.layers` and the like with the namespaces of
the package under test, and `kerastests.src.layers.core.dense` with a module whose
names are public ones (`places`), rebuilt on public ones (`names`, `operations`,
`testing`), or a `Missing`, which fails where a test uses it.
"""
