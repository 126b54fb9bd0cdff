"""From a machine and a collective to bounds with certificates, at no size and at one."""
