"""The edge to Asterisk: AMI and FastAGI, the wire, translation, provisioning."""
