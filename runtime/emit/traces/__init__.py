"""Traces for simulators: from a schedule and a size to messages with what they wait for."""
