"""The index over HTTP: JSON, CSV and a stream of events, with an OpenAPI description made from the same models."""
