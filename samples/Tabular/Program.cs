using System.CommandLine;
using System.Text;
using SampleSupport;
using Tabular;

Console.OutputEncoding = Encoding.UTF8;

Option<int> seeds = CommandLine.WholeNumber(
    "--seeds",
    "Seeds; each splits every table anew into five folds.",
    fallback: 3,
    minimum: 1,
    maximum: 1000
);
Option<string?> report = new("--report") { Description = "File for a report (JSON).", HelpName = "FILE" };
Option<string?> data = new("--data")
{
    Description = "Folder with the tables. [default: data/tabular]",
    HelpName = "DIR",
};
var command = new RootCommand(
    "Compares the trainer, with nothing but its defaults, with maximum entropy and with the majority class on three small tables."
)
{
    seeds,
    report,
    data,
};
command.SetAction(parsed => Comparison.Run(parsed.GetValue(seeds), parsed.GetValue(report), parsed.GetValue(data)));
return CommandLine.Run(command, args);
