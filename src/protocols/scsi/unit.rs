//! One logical unit: a command sent until there is an answer or no time left.

use std::io;
use std::time::Duration;

use log::{debug, trace};

use super::command::Command;
use super::error::{Error, ShortTransfer};
use super::sense::{Sense, SenseKey};
use super::transport::{Completion, Data, Transport, host_code, status};
use crate::base::Deadline;

/// What one command may take with all its repetitions where the deadline leaves more. Arrays that abort the
/// commands of a preempted node need seconds; what the kernel allows its own PERSISTENT RESERVE OUT is the same.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// What the kernel is told to allow a command even where less is left: when it runs out, the kernel aborts the
/// command and, where that fails, resets the device under the hands of the other nodes.
const KERNEL_LIMIT: Duration = Duration::from_secs(1);
/// How many events in a row a device may report before it counts as broken.
const ATTENTIONS: u32 = 32;
/// The pause before a busy device is asked again; it doubles up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A logical unit behind one path.
#[derive(Debug)]
pub struct LogicalUnit<T> {
    transport: T,
    name: String,
}

impl<T: Transport> LogicalUnit<T> {
    /// A logical unit that is reached through `transport`; `name` stands in the log.
    pub fn new(transport: T, name: impl Into<String>) -> LogicalUnit<T> {
        LogicalUnit { transport, name: name.into() }
    }

    /// The name given at the start.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends a command until it is carried out, refused or out of time. Events that the device reports instead
    /// (unit attention), a device that is busy or changes state, and a suspended map are met with another
    /// attempt: the command was not carried out then. Trouble on the way leaves that open, so only a command
    /// that reads is sent again after it. Returns how many bytes came.
    pub(super) fn execute(
        &mut self,
        command: Command,
        cdb: &[u8],
        mut data: Data<'_>,
        deadline: Deadline,
    ) -> Result<usize, Error> {
        let deadline = deadline.at_most(COMMAND_LIMIT);
        let mut attentions = 0;
        let mut pause = SHORTEST_PAUSE;
        loop {
            let Some(limit) = deadline.wait(COMMAND_LIMIT) else { return Err(Error::NoTime(command)) };
            if let Data::In(buffer) = &mut data {
                // What the device doesn't write must not look like an empty list.
                buffer.fill(0xff);
            }
            trace!("{}: {command}: {cdb:02x?}", self.name);
            let verdict = match self.transport.execute(cdb, data.again(), limit.max(KERNEL_LIMIT)) {
                Ok(completion) => match judge(command, &completion) {
                    Verdict::Done => return moved(command, &data, completion.residual),
                    other => other,
                },
                // What a device-mapper map that is being reloaded answers in the device's place.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    Verdict::Wait(Error::Call(command, error))
                }
                Err(error) => Verdict::Failed(Error::Call(command, error)),
            };
            match verdict {
                Verdict::Done => {}
                Verdict::Attention(sense) => {
                    debug!("{}: {command}: {sense}", self.name);
                    attentions += 1;
                    if attentions > ATTENTIONS {
                        return Err(Error::Unsettled(command, sense));
                    }
                }
                Verdict::Wait(error) => {
                    debug!("{}: {error}; asking again", self.name);
                    if !deadline.sleep(pause) {
                        return Err(error);
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Verdict::Failed(error) => {
                    debug!("{}: {error}", self.name);
                    return Err(error);
                }
            }
        }
    }
}

/// What follows from a completion.
enum Verdict {
    /// The command was carried out.
    Done,
    /// It was not, because the device had an event to report: send it again.
    Attention(Sense),
    /// It was not, or it may be repeated, and the device needs time: send it again after a pause.
    Wait(Error),
    /// It was not, or nobody knows.
    Failed(Error),
}

fn judge(command: Command, completion: &Completion) -> Verdict {
    let host = host_code(completion.host);
    if completion.host != 0 && !(host.defers_to_status && completion.status != status::GOOD) {
        let error = Error::Host(command, completion.host);
        return if host.passing && command.only_reads() {
            Verdict::Wait(error)
        } else {
            Verdict::Failed(error)
        };
    }
    // The upper half is an old suggestion to the caller; 8 only says that there is sense data.
    let driver = completion.driver & 0x0f;
    if driver != 0 && driver != 0x08 {
        return Verdict::Failed(Error::Driver(command, completion.driver));
    }
    match completion.status {
        status::GOOD if driver == 0 => Verdict::Done,
        status::GOOD | status::CHECK_CONDITION => match Sense::decode(&completion.sense) {
            Some(sense) => judge_sense(command, sense),
            None => Verdict::Failed(Error::NoSense(command)),
        },
        code @ (status::BUSY | status::TASK_SET_FULL) => Verdict::Wait(Error::Busy(command, code)),
        status::RESERVATION_CONFLICT => Verdict::Failed(Error::Conflict(command)),
        code @ status::TASK_ABORTED if command.only_reads() => Verdict::Wait(Error::Status(command, code)),
        code => Verdict::Failed(Error::Status(command, code)),
    }
}

fn judge_sense(command: Command, sense: Sense) -> Verdict {
    if sense.is_success() {
        Verdict::Done
    } else if sense.is_attention() {
        Verdict::Attention(sense)
    } else if sense.is_passing() || (sense.key == SenseKey::ABORTED_COMMAND && command.only_reads()) {
        Verdict::Wait(Error::Unsettled(command, sense))
    } else if sense.is_unknown_command() || (sense.is_invalid_field() && command.is_optional()) {
        Verdict::Failed(Error::Unsupported(command))
    } else {
        Verdict::Failed(Error::Refused(command, sense))
    }
}

/// How many bytes were moved, from the length of the buffer and what is left of it.
fn moved(command: Command, data: &Data<'_>, residual: i32) -> Result<usize, Error> {
    let length = data.len();
    let moved = usize::try_from(residual).ok().and_then(|left| length.checked_sub(left));
    let moved =
        moved.ok_or_else(|| Error::Malformed(command, format!("{residual} of {length} bytes left")))?;
    match data {
        Data::Out(_) if moved < length => {
            Err(Error::Short(command, ShortTransfer { got: moved, wanted: length }))
        }
        _ => Ok(moved),
    }
}
