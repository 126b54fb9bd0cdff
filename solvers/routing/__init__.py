"""From a machine to paths between ranks: routers, pools of paths, nearest ranks, quotients."""
