"""The child processes of a driver: stages that run now."""
import subprocess


class Children:
    def __init__(self):
        self.running = set()
        self.stopped = 0  # by which signal

    def run(self, command, lock, environment=None):
        """Runs a command and returns its exit code and the last lines of its standard error.

        The terminal does not know the child. Ctrl-C thus reaches it once, from stop(): a second signal would end it at once.
        The child inherits the lock's file and keeps the lock if it outlives the driver.
        """
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
                                 start_new_session=True, pass_fds=[lock.fileno()], env=environment)
        self.running.add(child)
        if self.stopped:  # between the start and the line above
            child.send_signal(self.stopped)
        errors = child.communicate()[1]
        self.running.discard(child)
        return child.returncode, errors.strip().splitlines()[-3:]

    def stop(self, number):
        self.stopped = number
        for child in list(self.running):
            child.send_signal(number)
