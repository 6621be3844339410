"""A package of its own: an installed one of the same name must not come first."""
