# SPDX-License-Identifier: MIT
"""diaglab in gdb: tasks and their Lua stacks, in a process or a core file.

  lab tasks [N|all]   what every task does (the first 1000)
  lab bt ID|all       a task's stack: Lua functions with file and line, and the
                      native stack where a thread works for it
  lab step            which step the lab is in
  lab threads         the lab's threads by name, which a core file leaves out

gdb loads this file by itself where it trusts the folder (see "info auto-load");
else say: source .../diaglab-gdb.py

Nothing is called in the program: all is read from its memory, beginning at
lab_debug (src/app/debug.h), by the types in the program's debug information.
Lua's own structures are described in src/vm/lualayout.h.
"""
import os
import time

import gdb

SHOWN = 1000  # tasks, unless all are asked for


# ---- sources -----------------------------------------------------------------

def find_sources():
    """Lets gdb list the sources: the program names them without their folder.
    This file is in their tree, or in a build below it."""
    folder = os.path.dirname(os.path.realpath(__file__))
    while folder != "/":
        if os.path.exists(folder + "/src/base/source_tree.c"):
            gdb.execute("directory " + folder, to_string=True)
            return
        folder = os.path.dirname(folder)


find_sources()


# ---- reading C ---------------------------------------------------------------

def static(file, name):
    """The static variable NAME of a source file."""
    return gdb.parse_and_eval("'%s'::%s" % (file, name))


def type_beside(name, function):
    """A type of the file that defines FUNCTION: others may share its name."""
    symbol = gdb.lookup_global_symbol(function)
    return gdb.lookup_type(name, symbol.symtab.static_block())


def offset_of(kind, *path):
    offset = 0
    for name in path:
        field = kind.strip_typedefs()[name]
        offset += field.bitpos // 8
        kind = field.type
    return offset


def container(pointer, kind, *path):
    address = int(pointer) - offset_of(kind, *path)
    return gdb.Value(address).cast(kind.pointer())


def text(pointer, length=-1):
    if int(pointer) == 0:
        return ""
    return pointer.string("utf-8", "replace", length=length)


def shelf(shelf_value, kind, count):
    """Elements of a lab_shelf (src/stack/intern.h): each segment has twice as
    many as the one before."""
    room = int(gdb.parse_and_eval("(int)'intern.c'::FIRST_SEGMENT"))
    segment = 0
    while count > 0:
        base = shelf_value["segments"][segment].cast(kind.pointer())
        for i in range(min(room, count)):
            yield base[i]
        count -= room
        room *= 2
        segment += 1


def frames_of(stack):
    """The frames of a stack, by its id (src/stack/numbers.h); none if it was
    given back."""
    kind = type_beside("stack", "lab_stack_frames")
    table = static("stack.c", "stacks")
    size = int(gdb.parse_and_eval("(int)'numbers.c'::LAB_NUMBERS_BLOCK"))
    at = stack - 1
    row = table["numbers"]["rows"][at // size // size]
    block = row["blocks"][at // size % size] if int(row) else row
    place = block["places"][at % size] if int(block) else block
    if not int(place):
        return []
    s = place.cast(kind.pointer())
    return [int(s["frames"][k]) for k in range(int(s["n"]))]


class Names:
    """Names of functions, as profiles show them."""

    def __init__(self):
        self.lua = {}  # chunk -> (path, {(line of definition, order): name})
        self.c = {}  # address -> name
        self.table = []  # of functions, by id - 1
        kind = type_beside("source", "lab_sources_name")
        sources = static("sources.c", "sources")
        for s in shelf(sources["shelf"], kind, int(sources["count"])):
            names = s["names"]
            lines = {(int(names[i]["line"]), int(names[i]["order"])):
                     text(names[i]["name"])
                     for i in range(int(s["count"]))}
            self.lua[text(s["chunk"])] = (text(s["path"]), lines)
        kind = type_beside("entry", "lab_func_get")
        funcs = static("frame.c", "funcs")
        for e in shelf(funcs["shelf"], kind, int(funcs["count"])):
            f = e["func"]
            self.table.append(f)
            if int(f["address"]):
                self.c[int(f["address"])] = text(f["name"])

    def of_lua(self, chunk, defined, order):
        path, lines = self.lua.get(chunk, (chunk.lstrip("@="), {}))
        short = path.rsplit("/", 1)[-1]
        number = "#%d" % (order + 1) if order else ""
        return lines.get((defined, order),
                         "%s:%d%s" % (short, defined, number)), path

    def of_c(self, address):
        if address in self.c:
            return self.c[address]
        symbol = gdb.execute("info symbol %d" % address, to_string=True)
        return symbol.split(" ")[0]

    def of_frame(self, frame):
        """A frame of an interned stack (src/stack/frame.h)."""
        if not frame >> 63:
            return self.of_c(frame - 1), ""
        f = self.table[(frame >> 32 & 0x7FFFFFFF) - 1]
        if int(f["source"]) == 0:
            name = text(f["name"])
            if name == "[... frames left out ...]" and frame & 0xFFFFFFFF:
                name = "[... %d frames left out ...]" % (frame & 0xFFFFFFFF)
            return name, ""
        name, path = self.of_lua(text(f["source"]), int(f["line"]),
                                 int(f["order"]))
        return name, "%s:%d" % (path, frame & 0xFFFFFFFF)


# ---- reading Lua -------------------------------------------------------------

def layout(name):
    return gdb.lookup_type("lab_layout_" + name)


def constant(name):
    return int(gdb.parse_and_eval("lab_lua_layout." + name))


def lua_string(pointer):
    is_long = int(pointer["type"]) >> 4 & 1
    length = pointer["u"]["long_length"] if is_long else pointer["short_length"]
    start = pointer["text"].address.cast(gdb.lookup_type("char").pointer())
    return text(start, int(length))


def line_at(proto, pc):
    """As Lua's luaG_getfuncline: from the last absolute line before PC on, by
    differences."""
    line, at = int(proto["line_defined"]), -1
    for i in range(int(proto["nabslineinfo"])):
        known = proto["abslineinfo"][i]
        if int(known["pc"]) > pc:
            break
        line, at = int(known["line"]), int(known["pc"])
    for i in range(at + 1, pc + 1):
        line += int(proto["lineinfo"][i])
    return line


def order_of(proto):
    """How many functions begin earlier at the same line (src/vm/load.c)."""
    n = int(proto["nabslineinfo"])
    note = proto["abslineinfo"][n - 1] if n else None
    return int(note["line"]) if n and int(note["pc"]) == 1 << 30 else 0


class Call:
    """One level of a Lua stack."""

    def __init__(self, name, place="", is_lua=False):
        self.name = name
        self.place = place  # file:line
        self.is_lua = is_lua


def call_of(value, pc, names):
    kind = int(value["type"])
    if kind == constant("lua_function"):
        proto = value["as"]["object"].cast(layout("function").pointer())["proto"]
        defined = int(proto["line_defined"])
        name, path = names.of_lua(lua_string(proto["source"]), defined,
                                  order_of(proto))
        line = defined
        if pc is not None:
            line = line_at(proto, int(pc - proto["code"]) - 1)
        return Call(name, "%s:%d" % (path, line), True)
    if kind == constant("c_function"):
        address = int(value["as"]["function"])
    elif kind == constant("c_closure"):
        closure = value["as"]["object"].cast(layout("cclosure").pointer())
        address = int(closure["function"])
    else:
        return Call("?")
    return Call(names.of_c(address))


def calls(co, names):
    """The levels of a coroutine, innermost first."""
    state = co.cast(layout("state").pointer())
    base = int(state["base"].address)
    call = state["call"]
    if int(call) == base and int(state["status"]) == 0 \
            and int(state["top"]) > int(state["stack"] + 1):
        yield call_of(state["stack"][1], None, names)  # it has not begun
    while int(call) != base:
        in_c = int(call["status"]) & constant("call_c")
        pc = None if in_c else call["u"]["lua"]["pc"]
        yield call_of(call["func"].dereference(), pc, names)
        if int(call["status"]) & constant("call_tail"):
            yield Call("(...tail calls...)")
        call = call["previous"]


# ---- the lab -----------------------------------------------------------------

def the_app():
    try:
        app = gdb.parse_and_eval("lab_debug")["app"]
    except gdb.error as error:
        raise gdb.GdbError("this is no diaglab with its debug information: %s"
                           % error)
    try:
        if int(app) == 0 or int(app["vm"]) == 0:
            raise gdb.GdbError("the lab has not started, or it has ended")
    except gdb.MemoryError:
        raise gdb.GdbError("there is no process, and no core file")
    return app


def is_core():
    connection = getattr(gdb.selected_inferior(), "connection", None)
    return connection is not None and connection.type == "core"


def now(app):
    """Monotonic nanoseconds; of a core, when the control thread's loop last
    turned, which it does at least once a second."""
    if is_core():
        return int(app["loop"]["time"]) * 1000000
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def tasks(vm):
    kind = gdb.lookup_type("lab_lua_task")
    head = vm["sched"]["tasks"]
    end = int(head.address)
    link = head["next"]
    while int(link) != end:
        yield container(link, kind, "base", "all").dereference()
        link = link["next"]


def state_of(task):
    base = task["base"]
    state = int(base["state"])
    if state == int(gdb.parse_and_eval("LAB_TASK_RUNNING")):
        return "running"
    if state == int(gdb.parse_and_eval("LAB_TASK_RUNNABLE")):
        return "runnable"
    return text(static("task/task.c", "lab_wait_name::names")
                [int(base["wait"])]) or "waiting"


def minutes(task, at):
    return max(0, at - int(task["base"]["since"])) // 60000000000


def lab_threads():
    thread = static("thread.c", "threads")
    while int(thread):
        yield thread.dereference()
        thread = thread["next"]


def gdb_thread(tid):
    for thread in gdb.selected_inferior().threads():
        if thread.ptid[1] == tid:
            return thread
    return None


def native_frames(thread):
    thread.switch()
    frame = gdb.newest_frame()
    while frame is not None:
        yield frame
        try:
            frame = frame.older()
        except gdb.error:
            return


class Selection:
    """Puts back the thread and frame that the user had selected."""

    def __enter__(self):
        self.thread = gdb.selected_thread()
        self.frame = gdb.selected_frame()

    def __exit__(self, *unused):
        self.thread.switch()
        self.frame.select()


def worker_of(job):
    """The worker that runs JOB, or None: it waits for one."""
    for t in lab_threads():
        if not text(t["name"].address.cast(
                gdb.lookup_type("char").pointer())).startswith("worker-"):
            continue
        thread = gdb_thread(int(t["tid"]))
        for frame in native_frames(thread) if thread else ():
            if frame.name() == "worker_main":
                value = frame.read_var("job")
                if not value.is_optimized_out and int(value) == int(job):
                    return thread
    return None


def thread_of(vm, task):
    if state_of(task) == "running":
        return gdb_thread(int(vm["thread"]["tid"]))
    if int(task["job"]):
        return worker_of(task["job"])
    return None


def coroutines(vm, task):
    """The task's coroutine; of a running one, first those that it resumed: the
    VM's native stack has them all."""
    found = []
    if state_of(task) == "running":
        for frame in native_frames(gdb_thread(int(vm["thread"]["tid"]))):
            if frame.name() == "__wrap_lua_resume":
                co = frame.read_var("here")["L"]
                if not co.is_optimized_out:  # as sanitizers have it
                    found.append(co)
    return found or [task["co"]]


def stack_of(vm, task, names):
    for co in coroutines(vm, task):
        yield from calls(co, names)


def entry_of(stack):
    named = [call.name for call in stack if not call.name.startswith("(")]
    return named[-1] if named else "?"


# ---- commands ----------------------------------------------------------------

class Lab(gdb.Command):
    """diaglab's tasks: lab tasks, lab bt, lab step, lab threads."""

    def __init__(self):
        super().__init__("lab", gdb.COMMAND_STATUS, prefix=True)


class LabTasks(gdb.Command):
    """What every task does: lab tasks [N|all]
State, minutes it has been in it, where it was begun, and where it is; the
first 1000 unless told otherwise."""

    def __init__(self):
        super().__init__("lab tasks", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        app = the_app()
        vm, at, names = app["vm"], now(app), Names()
        limit = SHOWN
        if argument:
            limit = None if argument == "all" else int(argument)
        print("%6s  %-22s %7s  %-32s %s"
              % ("Id", "State", "Minutes", "Entry", "At"))
        count = 0
        with Selection():
            for count, task in enumerate(tasks(vm), 1):
                if limit is None or count <= limit:
                    self.show(vm, task, at, names)
        if limit is not None and count > limit:
            print("... %d more: lab tasks all" % (count - limit))
        print("%d task%s" % (count, "" if count == 1 else "s"))

    @staticmethod
    def show(vm, task, at, names):
        stack = list(stack_of(vm, task, names))
        lua = [call for call in stack if call.is_lua]
        print("%6d  %-22s %7d  %-32s %s"
              % (int(task["base"]["id"]), state_of(task), minutes(task, at),
                 entry_of(stack),
                 lua[0].place if lua else ""))


class LabBt(gdb.Command):
    """The stack of a task: lab bt ID, or of all: lab bt all
Without an ID: of the running one. Lua functions have file and line. The native
stack follows where a thread works for the task: the VM's for the one that is
running, a worker's for one whose job it has. The innermost line of a function
that is running is that of the last instruction which noted its place."""

    def __init__(self):
        super().__init__("lab bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        app = the_app()
        names, found = Names(), False
        with Selection():
            for task in tasks(app["vm"]):
                if self.is_meant(argument, task):
                    self.show(app, task, names)
                    found = True
        if not found:
            raise gdb.GdbError("there is no such task" if argument
                               else "no task is running: lab bt ID")

    @staticmethod
    def is_meant(argument, task):
        if argument == "":
            return state_of(task) == "running"
        return argument == "all" or int(argument) == int(task["base"]["id"])

    @staticmethod
    def show(app, task, names):
        waited = minutes(task, now(app))
        print("task %d [%s%s]:" % (
            int(task["base"]["id"]), state_of(task),
            ", %d minutes" % waited if waited else ""))
        stack = stack_of(app["vm"], task, names)
        for i, call in enumerate(stack):
            print("#%-3d %-40s %s" % (i, call.name, call.place))
        LabBt.show_creator(task, names)
        thread = thread_of(app["vm"], task)
        if thread:
            print("native stack, thread %d (LWP %d):"
                  % (thread.num, thread.ptid[1]))
            thread.switch()
            gdb.execute("backtrace")
        print("")

    @staticmethod
    def show_creator(task, names):
        stack = int(task["base"]["created_by"])
        if stack == 0:
            return
        for frame in frames_of(stack):
            name, place = names.of_frame(frame)
            if place:
                by = "%s in task %d" % (name, int(task["creator"]))
                print("created by %-34s %s" % (by, place))
                return


class LabStep(gdb.Command):
    """Which step the lab is in, and how many tasks there are."""

    def __init__(self):
        super().__init__("lab step", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        vm = the_app()["vm"]
        scenario = vm["scenario"]
        step = scenario["step"]
        slug = step["slug"].address.cast(gdb.lookup_type("char").pointer())
        count = int(vm["sched"]["count"])
        waiting = vm["sched"]["waiting"]  # by what they wait for
        kinds = range(waiting.type.range()[1] + 1)
        print("step %d %s, %d task%s, %d waiting"
              % (int(step["number"]), text(slug), count,
                 "" if count == 1 else "s",
                 sum(int(waiting[kind]) for kind in kinds)))
        switches = scenario["switches"]
        if int(switches["task"]):
            print("switching to step %d"
                  % int(switches["under_way"]["step"]))


class LabThreads(gdb.Command):
    """The lab's threads: gdb's number, LWP, name."""

    def __init__(self):
        super().__init__("lab threads", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        the_app()
        char = gdb.lookup_type("char").pointer()
        rows = []
        for t in lab_threads():
            thread = gdb_thread(int(t["tid"]))
            rows.append((thread.num if thread else 0, int(t["tid"]),
                         text(t["name"].address.cast(char))))
        for row in sorted(rows):
            print("%4d  LWP %-8d %s" % row)


for command in (Lab, LabTasks, LabBt, LabStep, LabThreads):
    command()
