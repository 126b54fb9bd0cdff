"""The trusted kernel: from a certificate to the bound that it proves, without any solver."""
