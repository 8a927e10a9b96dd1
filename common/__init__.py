"""What the control plane and the guest agent share: the contract between them and the conventions both follow."""
