"""Watches an exchange and tells people: `rules` decides, `service` looks and sends."""
