using System.CommandLine;
using SampleSupport;
using ScoringLoad;

Option<int> seconds = CommandLine.WholeNumber("--seconds", "How long requests are sent.", 10, 2, 3600);
Option<int> replace = CommandLine.WholeNumber("--replace", "Seconds from one model to the next.", 1, 1, 3600);
Option<int> clients = CommandLine.WholeNumber("--clients", "Requests at a time.", 8, 1, 256);
var command = new RootCommand(
    "Sends the scoring service single rows, batches and streams, one request in a hundred malformed, while its model is "
        + "replaced; ends with 0 if every answer was right and the service's memory did not grow."
)
{
    seconds,
    replace,
    clients,
};
command.SetAction(
    (parsed, cancellation) =>
        LoadRun.RunAsync(
            TimeSpan.FromSeconds(parsed.GetValue(seconds)),
            TimeSpan.FromSeconds(parsed.GetValue(replace)),
            parsed.GetValue(clients),
            cancellation
        )
);
return CommandLine.Run(command, args);
