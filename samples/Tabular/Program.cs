using System.CommandLine;
using System.Text;
using SampleSupport;
using Tabular;

Console.OutputEncoding = Encoding.UTF8;

Argument<string[]> paths = new("tables")
{
    Description =
        "CSV files with a header (plain or .gz), or folders of them. A column \"fold\" says which rows are tested together. [default: data/tabular]",
    Arity = ArgumentArity.ZeroOrMore,
};
Option<string?> label = new("--label")
{
    Description = "The column with the classes. [default: \"label\", or else the last]",
    HelpName = "COLUMN",
};
Option<string?> tables = new("--tables")
{
    Description = "Only these tables: file names without extension, separated by commas.",
    HelpName = "NAMES",
};
Option<string?> trainers = new("--trainers")
{
    Description =
        $"Only these trainers, separated by commas: {string.Join(", ", Contestant.All.Select(contestant => contestant.Name))}. [default: all but {Contestant.Sdca}]",
    HelpName = "NAMES",
};
Option<int> seeds = CommandLine.WholeNumber(
    "--seeds",
    "How often to train, with other random numbers and, in tables without folds, other folds each time.",
    fallback: 1,
    minimum: 1,
    maximum: 1000
);
Option<int> folds = CommandLine.WholeNumber(
    "--folds",
    "How many folds to test on; 0 for all five up to 2,000 rows, two up to 10,000 rows, and else one.",
    fallback: 0,
    minimum: 0
);
Option<int> threads = CommandLine.WholeNumber(
    "--threads",
    "Threads for each trainer.",
    fallback: 2,
    minimum: 1,
    maximum: 1024
);
Option<string?> report = new("--report") { Description = "File for all figures (JSON).", HelpName = "FILE" };
Option<string?> html = new("--html")
{
    Description = "File for a report on the infomorphic model of a single table (HTML).",
    HelpName = "FILE",
};

var command = new RootCommand(
    "Compares the infomorphic trainer with LightGBM, FastTree, a linear trainer and the majority class on tables of any kind, each trainer with its defaults."
)
{
    paths,
    label,
    tables,
    trainers,
    seeds,
    folds,
    threads,
    report,
    html,
};
command.SetAction(parsed =>
{
    string[] files = TableFiles.Find(parsed.GetValue(paths) ?? [], parsed.GetValue(tables));
    Contestant[] contestants = Contestant.Named(parsed.GetValue(trainers));
    string? page = parsed.GetValue(html);
    if (page is not null && (files.Length != 1 || contestants.All(one => one.Name != Contestant.Infomorphic)))
        throw new ArgumentException(
            $"--html takes one table, not {files.Length}, and needs the trainer {Contestant.Infomorphic}."
        );
    int count = parsed.GetValue(folds);
    new Comparison(
        new ComparisonOptions(
            files,
            parsed.GetValue(label),
            contestants,
            parsed.GetValue(seeds),
            count == 0 ? null : count,
            parsed.GetValue(threads),
            parsed.GetValue(report),
            page
        )
    ).Execute();
    return CommandLine.Success;
});
return CommandLine.Run(command, args);
