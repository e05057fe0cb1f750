using SampleSupport;
using Spectre.Console;

namespace PaperReproduction;

internal sealed class Ablation(
    string goal,
    IReadOnlyList<int> seeds,
    Func<string, int, Cell> createCell,
    Func<IReadOnlyList<Cell>, IReadOnlyList<CellResult>> sweep
)
{
    public static readonly string[] Parts = ["single", "cumulative", "sensitivity"];

    public void Run(string[] parts, OutputFolder output, IAnsiConsole console) => sweep([.. seeds.Select(s => createCell(goal, s))]);
}
