"""The states of a service, in the words that `ps` shows."""

STOPPED, WAITING, STARTING, RUNNING, NOT_READY = "stopped", "waiting", "starting", "running", "not ready"
STOPPING, RESTARTING, FAILED, FINISHED = "stopping", "restarting", "failed", "finished"
DISABLED, NOT_MANAGED = "disabled", "not managed"

ACTIVE = {WAITING, STARTING, RUNNING, NOT_READY, STOPPING, RESTARTING}  # there is something that can be stopped
SETTLED = {RUNNING, FINISHED, NOT_MANAGED}  # a start has come to a good end
UNSETTLED = {FAILED, NOT_READY, STOPPED, DISABLED}  # it has not, and will not by itself

# What a dependent waits for, by its condition: the states that are it, and those from which it does not come.
REACHED = {
    "started": {STARTING, NOT_READY, RUNNING, FINISHED, NOT_MANAGED},
    "ready": {RUNNING, NOT_MANAGED},
    "completed": {FINISHED, NOT_MANAGED},
}
HOPELESS = {
    "started": {FAILED, STOPPED, DISABLED},
    "ready": {FAILED, STOPPED, DISABLED, FINISHED, NOT_READY},
    "completed": {FAILED, STOPPED, DISABLED},
}
