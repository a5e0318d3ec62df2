"""Words that all layers share: frozen values without I/O."""
