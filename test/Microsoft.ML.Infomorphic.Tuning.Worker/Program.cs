using System.Globalization;
using Microsoft.ML.Infomorphic.Tuning;
using Microsoft.ML.Infomorphic.Tuning.Worker;

// worker STORE STUDY TRIALS MILLISECONDS   work on a study with a cheap objective
// crash SWEEPS [postgresql]                 kill workers at random moments, resume, and check the store
// throughput [postgresql]                   trials a second of two worker processes against one's
string Usage = "worker STORE STUDY TRIALS MILLISECONDS | crash SWEEPS [postgresql] | throughput [postgresql]";
switch (args)
{
    case ["worker", string location, string study, string trials, string milliseconds]:
        CheapStudy.Work(location, study, Number(trials), Number(milliseconds));
        return 0;
    case ["crash", string sweeps, .. string[] rest]:
        WithStore(
            rest,
            location =>
            {
                for (int seed = 0; seed < Number(sweeps); seed++)
                    Console.WriteLine(CrashTest.Run(location, seed, trials: 40));
            }
        );
        return 0;
    case ["throughput", .. string[] rest]:
        WithStore(rest, Throughput.Measure);
        return 0;
    default:
        Console.Error.WriteLine(Usage);
        return 2;
}

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

static void WithStore(string[] rest, Action<string> run)
{
    string folder = Directory.CreateTempSubdirectory("sweep").FullName;
    try
    {
        if (rest is ["postgresql"])
        {
            if (!PostgreSqlServer.IsAvailable(out string? reason))
                throw new InvalidOperationException(reason);
            using var server = new PostgreSqlServer();
            run(server.Location);
        }
        else
            run(Path.Combine(folder, "trials.db"));
    }
    finally
    {
        Directory.Delete(folder, recursive: true);
    }
}
