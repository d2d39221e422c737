"""Networks: Keymatte, XMem, the AOT family, and the interface they share."""
